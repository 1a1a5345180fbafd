import {
  BedrockRuntimeClient,
  type ContentBlock,
  ConverseCommand,
  type ConverseCommandInput,
  ConverseStreamCommand,
  type ConverseStreamCommandOutput,
  type Message,
  type TokenUsage,
} from '@aws-sdk/client-bedrock-runtime'
import { ANSWER_SCHEMA, type Client, type Heard, listen, type Places, type Question, TOOL, type Told } from '../client.ts'

const STOPS: Readonly<Record<string, Told['stop']>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  tool_use: 'tools',
  guardrail_intervened: 'filter',
  content_filtered: 'filter',
  // As Claude says it.
  refusal: 'filter',
}

/** `@aws-sdk/client-bedrock-runtime` as it comes: it speaks HTTP/2. */
export function bedrockConverse({ http2Url }: Places): Client {
  const credentials = { accessKeyId: 'AKIDCLIENT', secretAccessKey: 'client' }
  const client = new BedrockRuntimeClient({ region: 'us-east-1', endpoint: `${http2Url}/bedrock`, credentials, maxAttempts: 1 })
  return {
    name: 'bedrock-converse',
    ask: (question, isStream, onHeard) =>
      listen(async (told) => {
        const input = inputOf(question)
        if (isStream) return readStream(told, (await client.send(new ConverseStreamCommand(input))).stream, onHeard)
        const answer = await client.send(new ConverseCommand(input))
        onHeard?.(answer)
        const { output, stopReason, usage } = answer
        for (const block of output?.message?.content ?? []) readBlock(told, block)
        end(told, stopReason, usage)
      }),
    close: () => client.destroy(),
  }
}

function inputOf(question: Question): ConverseCommandInput {
  const content: ContentBlock[] = []
  if (question.image) content.push({ image: { format: 'png', source: { bytes: Buffer.from(question.image, 'base64') } } })
  if (question.document)
    content.push({ document: { format: 'pdf', name: 'a', source: { bytes: Buffer.from(question.document, 'base64') } } })
  content.push({ text: question.text })
  const messages: Message[] = [{ role: 'user', content }]
  if (question.result !== undefined) {
    messages.push({ role: 'assistant', content: [{ toolUse: { toolUseId: 'tooluse_9', name: TOOL.name, input: { city: 'Paris' } } }] })
    messages.push({ role: 'user', content: [{ toolResult: { toolUseId: 'tooluse_9', content: [{ text: question.result }] } }] })
  }
  const { name, description, schema } = TOOL
  const structure = { jsonSchema: { schema: JSON.stringify(ANSWER_SCHEMA), name: 'answer' } }
  return {
    modelId: question.model,
    messages,
    inferenceConfig: { maxTokens: 4000 },
    ...(question.hasTools && { toolConfig: { tools: [{ toolSpec: { name, description, inputSchema: { json: schema } } }] } }),
    ...(question.hasSchema && { outputConfig: { textFormat: { type: 'json_schema' as const, structure } } }),
    ...(question.thinks && { additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 2000 } } }),
  }
}

async function readStream(told: Told, stream: ConverseStreamCommandOutput['stream'], onHeard?: Heard): Promise<void> {
  const calls = new Map<number, { name: string; input: string }>()
  for await (const event of stream ?? []) {
    onHeard?.(event)
    const { contentBlockStart: start, contentBlockDelta: delta } = event
    const index = start?.contentBlockIndex ?? delta?.contentBlockIndex ?? 0
    if (start?.start?.toolUse) calls.set(index, { name: start.start.toolUse.name ?? '', input: '' })
    told.text += delta?.delta?.text ?? ''
    told.thoughts += delta?.delta?.reasoningContent?.text ?? ''
    const call = calls.get(index)
    if (call) call.input += delta?.delta?.toolUse?.input ?? ''
    if (event.messageStop) end(told, event.messageStop.stopReason, undefined)
    if (event.metadata) end(told, undefined, event.metadata.usage)
  }
  for (const call of calls.values()) told.calls.push([call.name, JSON.parse(call.input || '{}')])
}

function readBlock(told: Told, block: ContentBlock): void {
  told.text += block.text ?? ''
  for (const { text } of block.citationsContent?.content ?? []) told.text += text ?? ''
  told.thoughts += block.reasoningContent?.reasoningText?.text ?? ''
  if (block.toolUse) told.calls.push([block.toolUse.name ?? '', block.toolUse.input])
}

function end(told: Told, reason: string | undefined, usage: TokenUsage | undefined): void {
  if (reason !== undefined) told.stop = STOPS[reason] ?? 'other'
  if (!usage) return
  const { inputTokens = 0, outputTokens = 0, cacheReadInputTokens = 0, cacheWriteInputTokens = 0 } = usage
  told.usage = { input: inputTokens + cacheReadInputTokens + cacheWriteInputTokens, output: outputTokens }
}
