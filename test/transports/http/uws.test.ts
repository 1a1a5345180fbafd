import { expect, test } from 'vitest'
import { explainMissingBinary } from '../../../transports/http/uws.ts'

const runtime = { platform: 'linux', arch: 'x64', nodeVersion: '22.23.2', isMusl: false }

test('a start on musl says what to do', () => {
  expect(explainMissingBinary({ ...runtime, isMusl: true })).toMatch(/no binary for Node 22.23.2 on linux-x64 with musl.*Debian slim/)
})

test('so does one on another Node', () => {
  expect(explainMissingBinary({ ...runtime, nodeVersion: '24.1.0' })).toMatch(/no binary for Node 24.1.0 on linux-x64;.*Node 22/)
})
