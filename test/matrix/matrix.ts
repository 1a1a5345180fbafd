import { CASES, type Expected, type Limit, type MatrixCase, PROVIDERS, type ProviderName } from './cases.ts'
import type { Client, Places, Told } from './client.ts'
import { anthropicMessages } from './clients/anthropic-messages.ts'
import { bedrockConverse } from './clients/bedrock-converse.ts'
import { cohereChat } from './clients/cohere-chat.ts'
import { gemini } from './clients/gemini.ts'
import { openaiChat } from './clients/openai-chat.ts'
import { openaiResponses } from './clients/openai-responses.ts'

/** Every client, by the gateway's address. */
export const CLIENTS: readonly ((places: Places) => Client)[] = [
  openaiChat,
  openaiResponses,
  anthropicMessages,
  gemini,
  bedrockConverse,
  cohereChat,
]

/** One cell: `ok`, the name of what a format cannot express, or what is wrong. */
export interface Cell {
  client: string
  provider: ProviderName
  name: string
  isStream: boolean
  outcome: 'ok' | 'limit' | 'wrong'
  /** Of a limit its name, of a wrong cell what was told instead. */
  note: string
}

/** All questions of one client to one provider, whole and streamed. */
export async function cellsOf(client: Client, provider: ProviderName): Promise<Cell[]> {
  const cells: Cell[] = []
  for (const row of CASES) {
    for (const isStream of row.isStreamOnly ? [true] : [false, true]) cells.push(await cellOf(client, provider, { row, isStream }))
  }
  return cells
}

/** The whole matrix. */
export async function runMatrix(places: Places): Promise<Cell[]> {
  const cells: Cell[] = []
  for (const makeClient of CLIENTS) {
    const client = makeClient(places)
    for (const provider of PROVIDERS) cells.push(...(await cellsOf(client, provider)))
    client.close?.()
  }
  return cells
}

async function cellOf(client: Client, provider: ProviderName, { row, isStream }: { row: MatrixCase; isStream: boolean }): Promise<Cell> {
  const limit = client.limits?.[row.name]
  if (limit !== undefined) return { client: client.name, provider, name: row.name, isStream, outcome: 'limit', note: limit }
  const wanted = row.but?.[provider] ?? row.told
  const told = await client.ask({ ...row.question, model: `${provider}/${row.model}` }, isStream)
  const cell = { client: client.name, provider, name: row.name, isStream }
  if (isLimit(wanted)) {
    const isRefused = told.error?.status === 400 && !told.error.isMidStream
    return isRefused ? { ...cell, outcome: 'limit', note: wanted.limit } : { ...cell, outcome: 'wrong', note: describe(told) }
  }
  const fault = faultOf(told, wanted)
  return fault === undefined ? { ...cell, outcome: 'ok', note: '' } : { ...cell, outcome: 'wrong', note: `${fault}: ${describe(told)}` }
}

function isLimit(wanted: Expected | Limit): wanted is Limit {
  return 'limit' in wanted
}

/** The name of what is not as it must be. */
function faultOf(told: Told, { status, isMidStream, ...wanted }: Expected): string | undefined {
  if (status !== undefined) return told.error?.status === status && !told.error.isMidStream ? undefined : 'status'
  if (isMidStream) return told.error?.isMidStream ? undefined : 'no error'
  if (told.error) return 'failed'
  return Object.entries(wanted).find(([name, value]) => JSON.stringify(told[name as keyof Told]) !== JSON.stringify(value))?.[0]
}

function describe(told: Told): string {
  return JSON.stringify(told)
}

/** The matrix as tables of Markdown: one for each client, a row for each provider. */
export function renderMatrix(cells: readonly Cell[]): string {
  const clients = [...new Set(cells.map(({ client }) => client))]
  return clients
    .map((client) =>
      tableOf(
        client,
        cells.filter((cell) => cell.client === client),
      ),
    )
    .join('\n\n')
}

function tableOf(client: string, cells: readonly Cell[]): string {
  const names = CASES.map(({ name }) => name)
  const head = `| from ${client} to | ${names.join(' | ')} |\n|---|${names.map(() => '---').join('|')}|`
  const rows = PROVIDERS.map((provider) => {
    const row = names.map((name) => wordFor(cells.filter((cell) => cell.provider === provider && cell.name === name)))
    return `| ${provider} | ${row.join(' | ')} |`
  })
  return [head, ...rows].join('\n')
}

/** Whole and streamed in one word. */
function wordFor(cells: readonly Cell[]): string {
  const wrong = cells.find(({ outcome }) => outcome === 'wrong')
  if (wrong) return `**wrong** (${wrong.isStream ? 'streamed' : 'whole'})`
  return cells.find(({ outcome }) => outcome === 'limit')?.note ?? 'yes'
}
