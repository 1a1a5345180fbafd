import { generateKeyPairSync } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../core/canonical/json.ts'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** How a token server answers one question, by its number from 1. */
export type TokenAnswer = (response: ServerResponse, count: number) => void

/** Answers of a token server. */
export const TOKEN_ANSWERS = {
  /** The tokens in this order, each good for an hour; the last one again and again. */
  tokens:
    (...names: string[]): TokenAnswer =>
    (response, count) =>
      send(response, 200, { access_token: names[Math.min(count, names.length) - 1] ?? '', expires_in: 3600, token_type: 'Bearer' }),
  hang: (() => {}) as TokenAnswer,
  failure: ((response) => send(response, 500, { error: 'internal_failure' })) as TokenAnswer,
  garbage: ((response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>')) as TokenAnswer,
  nothing: ((response) => send(response, 200, { token_type: 'Bearer', expires_in: 3600 })) as TokenAnswer,
  ended: ((response) => send(response, 200, { access_token: 'ya29.ended-already', expires_in: -5 })) as TokenAnswer,
  cut: ((response) => void response.writeHead(200, { 'content-length': '500' }).write('{"access', () => response.destroy())) as TokenAnswer,
}

/** A token server of a service account on 127.0.0.1. */
export interface TokenServer {
  /** Questions so far. */
  count: number
  answer: TokenAnswer
  /** A key that signs in there; `auth_credentials` is its service account. */
  key(name: string): JsonObject
  close(): Promise<void>
}

/** Starts one on a port of the system's choice. */
export async function startTokenServer(answer: TokenAnswer): Promise<TokenServer> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => tokens.answer(response, ++tokens.count))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const account = {
    type: 'service_account',
    project_id: 'my-project',
    client_email: 'gateway@my-project.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    token_uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
  }
  const tokens: TokenServer = {
    count: 0,
    answer,
    key: (name) => ({
      name,
      models: ['*'],
      vertex_key_config: { project_id: 'my-project', region: 'us-central1', auth_credentials: JSON.stringify(account) },
    }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return tokens
}

function send(response: ServerResponse, status: number, body: JsonObject): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
