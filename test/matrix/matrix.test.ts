import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PROVIDERS } from './cases.ts'
import { type MatrixGateway, startMatrixGateway } from './gateway.ts'
import { type Cell, CLIENTS, cellsOf, renderMatrix } from './matrix.ts'

let behind: MatrixGateway
const cells: Cell[] = []

beforeAll(async () => {
  behind = await startMatrixGateway()
})
afterAll(() => behind.close())

describe.each(CLIENTS.map((makeClient) => [makeClient({ url: 'http://none', http2Url: 'http://none' }).name, makeClient] as const))(
  'from %s',
  (_, makeClient) => {
    test.each(PROVIDERS)('to %s', async (provider) => {
      const client = makeClient(behind)
      const row = await cellsOf(client, provider)
      client.close?.()
      cells.push(...row)
      expect(
        row
          .filter(({ outcome }) => outcome === 'wrong')
          .map(({ name, isStream, note }) => `${name}, ${isStream ? 'streamed' : 'whole'}: ${note}`),
      ).toEqual([])
    })
  },
)

test('providers/README.md shows the matrix as it is', () => {
  const readme = readFileSync(new URL('../../providers/README.md', import.meta.url), 'utf8')
  expect(readme).toContain(renderMatrix(cells))
})
