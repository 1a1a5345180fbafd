import OpenAI from 'openai'
import type { Response, ResponseCreateParamsNonStreaming, ResponseInput, ResponseInputContent } from 'openai/resources/responses/responses'
import { ANSWER_SCHEMA, type Client, listen, type Places, type Question, TOOL, type Told } from '../client.ts'

/** `openai`, the Responses API, by its stream helper, which puts the response together from the events. */
export function openaiResponses({ url }: Places): Client {
  const client = new OpenAI({ apiKey: 'sk-client', baseURL: `${url}/openai/v1`, maxRetries: 0 })
  return {
    name: 'openai-responses',
    ask: (question, isStream, onHeard) =>
      listen(async (told) => {
        const request = requestOf(question)
        if (!isStream) {
          const response = await client.responses.create(request)
          onHeard?.(response)
          return read(told, response)
        }
        const stream = client.responses.stream(request)
        let next = 0
        stream.on('event', (event) => {
          onHeard?.(structuredClone(event))
          // What a provider numbers itself is judged by who listens.
          if (!onHeard && event.sequence_number !== next++) throw new Error(`event ${event.sequence_number} came as the ${next}th`)
        })
        stream.on('response.output_text.delta', ({ delta }) => {
          told.text += delta
        })
        const response = await stream.finalResponse()
        onHeard?.(response)
        told.text = ''
        read(told, response)
      }),
  }
}

function requestOf(question: Question): Omit<ResponseCreateParamsNonStreaming, 'stream'> {
  const content: ResponseInputContent[] = []
  if (question.image) content.push({ type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${question.image}` })
  if (question.document)
    content.push({ type: 'input_file', filename: 'a.pdf', file_data: `data:application/pdf;base64,${question.document}` })
  content.push({ type: 'input_text', text: question.text })
  const input: ResponseInput = [{ role: 'user', content }]
  if (question.result !== undefined) {
    input.push({ type: 'function_call', call_id: 'call_9', name: TOOL.name, arguments: '{"city":"Paris"}' })
    input.push({ type: 'function_call_output', call_id: 'call_9', output: question.result })
  }
  const { name, description, schema: parameters } = TOOL
  return {
    model: question.model,
    input,
    max_output_tokens: 4000,
    ...(question.hasTools && { tools: [{ type: 'function', name, description, parameters, strict: false }] }),
    ...(question.hasSchema && { text: { format: { type: 'json_schema', name: 'answer', schema: ANSWER_SCHEMA, strict: true } } }),
    ...(question.thinks && { reasoning: { effort: 'medium', summary: 'auto' } }),
  }
}

function read(told: Told, response: Response): void {
  for (const item of response.output) {
    if (item.type === 'message') for (const part of item.content) told.text += part.type === 'refusal' ? part.refusal : part.text
    else if (item.type === 'reasoning') told.thoughts += item.summary.map(({ text }) => text).join('')
    else if (item.type === 'function_call') told.calls.push([item.name, JSON.parse(item.arguments)])
    // xAI's own searches look like the client's tools.
    else if (item.type === 'custom_tool_call' && !item.call_id.startsWith('xs_call_')) told.calls.push([item.name, { input: item.input }])
  }
  const reason = response.incomplete_details?.reason
  const whole = told.calls.length > 0 ? 'tools' : 'stop'
  told.stop =
    response.status === 'completed' ? whole : reason === 'max_output_tokens' ? 'length' : reason === 'content_filter' ? 'filter' : 'other'
  told.usage = response.usage && { input: response.usage.input_tokens, output: response.usage.output_tokens }
}
