import { expect, test } from 'vitest'
import { allowedMethods, routesByPath } from '../../../transports/http/routes.ts'
import { ROUTES } from '../../../transports/routes.ts'

test('the table has no row twice', () => {
  const names = ROUTES.map((route) => `${route.method} ${route.path}`)
  expect(new Set(names).size).toBe(names.length)
})

test('only health is open', () => {
  expect(ROUTES.filter((route) => route.isOpen).map((route) => route.path)).toEqual(['/health'])
})

test('methods follow from the rows of a path', () => {
  const methods = [...routesByPath(ROUTES)].map(([path, rows]) => [path, allowedMethods(rows).join(' ')])
  expect(Object.fromEntries(methods)).toMatchObject({ '/v1/chat/completions': 'POST OPTIONS', '/v1/models': 'GET HEAD OPTIONS' })
})
