import { test } from 'vitest'
import { parseExact, parseFaithfully } from '../../core/canonical/json.ts'

const content = 'A line of an answer, with 12 figures in it here and there, and some more of it. '.repeat(10)
const answer = JSON.stringify({
  id: 'chatcmpl-0123',
  created: 1790000000,
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 120, total_tokens: 129 },
})

test('a whole answer of 1 KB', async ({ bench }) => {
  await bench.compare(
    bench('JSON.parse', () => void JSON.parse(answer)),
    bench('parseFaithfully', () => void parseFaithfully(answer)),
    bench('parseExact', () => void parseExact(answer)),
  )
})
