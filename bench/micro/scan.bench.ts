import { test } from 'vitest'
import { scan } from '../../core/scan.ts'

const short = body(1)
const long = body(100)

/** A conversation of about `size` KB, with escapes as texts have them. */
function body(size: number): Buffer {
  const content = `${'A line of a question, "quoted" here and there, and some more of it. '.repeat(7)}\n`
  const messages = Array.from({ length: size * 2 }, (_, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content }))
  return Buffer.from(JSON.stringify({ model: 'openai/gpt', temperature: 0.7, stream: true, messages }))
}

test('scan of a request body', async ({ bench }) => {
  await bench.compare(
    bench('1 KB', () => void scan(short)),
    bench('1 KB, JSON.parse', () => void JSON.parse(short.toString())),
    bench('100 KB', () => void scan(long)),
    bench('100 KB, JSON.parse', () => void JSON.parse(long.toString())),
  )
})
