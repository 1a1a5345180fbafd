import {
  type Content,
  type FunctionCall,
  type GenerateContentParameters,
  type GenerateContentResponse,
  GoogleGenAI,
  type Part,
  ThinkingLevel,
} from '@google/genai'
import { ANSWER_SCHEMA, type Client, listen, type Places, type Question, TOOL, type Told } from '../client.ts'

const STOPS: Readonly<Record<string, Told['stop']>> = { STOP: 'stop', MAX_TOKENS: 'length', SAFETY: 'filter' }

/** `@google/genai`, which adds up nothing: the pieces are read as they come. */
export function gemini({ url }: Places): Client {
  const client = new GoogleGenAI({ apiKey: 'sk-client', vertexai: false, httpOptions: { baseUrl: `${url}/genai` } })
  return {
    name: 'gemini',
    ask: (question, isStream, onHeard) =>
      listen(async (told) => {
        const request = requestOf(question)
        const pieces = isStream ? await client.models.generateContentStream(request) : [await client.models.generateContent(request)]
        for await (const piece of pieces) {
          onHeard?.(piece)
          read(told, piece)
        }
        if (told.stop === 'other') throw new Error('the stream had no finish reason')
      }),
  }
}

function requestOf(question: Question): GenerateContentParameters {
  const parts: Part[] = []
  if (question.image) parts.push({ inlineData: { mimeType: 'image/png', data: question.image } })
  if (question.document) parts.push({ inlineData: { mimeType: 'application/pdf', data: question.document } })
  parts.push({ text: question.text })
  const contents: Content[] = [{ role: 'user', parts }]
  if (question.result !== undefined) {
    contents.push({ role: 'model', parts: [{ functionCall: { name: TOOL.name, args: { city: 'Paris' } } }] })
    contents.push({ role: 'user', parts: [{ functionResponse: { name: TOOL.name, response: { output: question.result } } }] })
  }
  const { name, description, schema } = TOOL
  return {
    model: question.model,
    contents,
    config: {
      maxOutputTokens: 4000,
      ...(question.hasTools && { tools: [{ functionDeclarations: [{ name, description, parametersJsonSchema: schema }] }] }),
      ...(question.hasSchema && { responseMimeType: 'application/json', responseJsonSchema: ANSWER_SCHEMA }),
      ...(question.thinks && { thinkingConfig: { includeThoughts: true, thinkingLevel: ThinkingLevel.HIGH } }),
    },
  }
}

/** A call, or a piece of the last one: Vertex streams arguments by their places. */
function addCall(told: Told, { name, args, partialArgs }: FunctionCall): void {
  if (name) told.calls.push([name, args ?? {}])
  const call = told.calls.at(-1)
  for (const { jsonPath = '', stringValue, numberValue, boolValue } of partialArgs ?? []) {
    const steps = jsonPath.split(/[.[\]]+/).filter((step) => step !== '' && step !== '$')
    const last = steps.pop() as string
    let place = (call as [string, unknown])[1] as Record<string, unknown>
    for (const [depth, step] of steps.entries()) {
      place[step] ??= /^\d+$/.test(steps[depth + 1] ?? last) ? [] : {}
      place = place[step] as Record<string, unknown>
    }
    place[last] = stringValue === undefined ? (numberValue ?? boolValue ?? null) : `${place[last] ?? ''}${stringValue}`
  }
}

function read(told: Told, piece: GenerateContentResponse): void {
  const [candidate] = piece.candidates ?? []
  for (const { text, thought, functionCall } of candidate?.content?.parts ?? []) {
    if (text !== undefined && thought) told.thoughts += text
    else if (text !== undefined) told.text += text
    if (functionCall) addCall(told, functionCall)
  }
  const reason = candidate?.finishReason
  if (reason) told.stop = reason === 'STOP' && told.calls.length > 0 ? 'tools' : (STOPS[reason] ?? 'other')
  const { promptTokenCount: input = 0, candidatesTokenCount: answer = 0, thoughtsTokenCount: thoughts = 0 } = piece.usageMetadata ?? {}
  if (piece.usageMetadata) told.usage = { input, output: answer + thoughts }
}
