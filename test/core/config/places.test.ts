import { expect, test } from 'vitest'
import { withPlaces } from '../../../core/config/places.ts'

const TEXT = `{
  "client": { "threads": 0 },
  "providers": {
    "openai": { "keys": [{ "name": "a" },
      { "name": "b", "models": ["*"] }] },
    "odd name: x": {}
  }
}`

test.each([
  ['client.threads: must be more', 'client.threads: must be more (line 2, column 15)'],
  ['providers.openai.keys[1].models[0]: no', 'providers.openai.keys[1].models[0]: no (line 5, column 33)'],
  ['providers.openai.keys[1]: no', 'providers.openai.keys[1]: no (line 5, column 7)'],
  ['providers.openai.keys[0].value: is required', 'providers.openai.keys[0].value: is required (line 4, column 26)'],
  ['governance.teams: none', 'governance.teams: none'],
  ['client: twice (line 9, column 9)', 'client: twice (line 9, column 9)'],
  ['a sentence without a place', 'a sentence without a place'],
])('%s', (problem, placed) => {
  expect(withPlaces(TEXT, [problem])).toEqual([placed])
})

test('as many as there are, in one pass', () => {
  const text = JSON.stringify({ list: Array.from({ length: 1000 }, (_, index) => ({ index })) }, null, 1)
  const problems = Array.from({ length: 1000 }, (_, index) => `list[${index}].index: wrong`)
  const lines = withPlaces(text, problems).map((problem) => Number(/line (\d+)/.exec(problem)?.[1]))
  expect(lines).toEqual(problems.map((_, index) => 4 + 3 * index))
})
