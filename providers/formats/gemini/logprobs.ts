import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { text } from './types.ts'

/** `logprobsResult` (https://ai.google.dev/api/generate-content#LogprobsResult) as OpenAI writes it; undefined where it holds none. */
export function decodeLogprobs(result: unknown): Json | undefined {
  if (!isObject(result) || !Array.isArray(result.chosenCandidates)) return undefined
  const tops = Array.isArray(result.topCandidates) ? result.topCandidates : []
  const content = result.chosenCandidates.filter(isObject).map((chosen, index) => {
    const top: unknown = tops[index]
    const others = isObject(top) && Array.isArray(top.candidates) ? top.candidates.filter(isObject) : []
    return { ...entry(chosen), top_logprobs: others.map(entry) }
  })
  return { content }
}

function entry(candidate: JsonObject): JsonObject {
  const token = text(candidate.token) ?? ''
  return { token, logprob: candidate.logProbability ?? null, bytes: [...Buffer.from(token)] }
}
