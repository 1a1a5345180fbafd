import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const hook = fileURLToPath(new URL('../../transports/strip-cache.mjs', import.meta.url))

let root: string
let cache: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'strip-cache-'))
  cache = join(root, 'node_modules/.cache/bifrost-node')
  mkdirSync(join(root, 'transports'))
  cpSync(hook, join(root, 'transports/strip-cache.mjs'))
})
afterEach(() => rmSync(root, { recursive: true }))

const args = () => ['--disable-warning=ExperimentalWarning', '--import', join(root, 'transports/strip-cache.mjs'), join(root, 'main.ts')]
const run = (): string => execFileSync(process.execPath, args(), { encoding: 'utf8' })
const write = (text: string): void => writeFileSync(join(root, 'main.ts'), text)

describe('the cache of stripped sources', () => {
  it('keeps what it stripped, and takes it at the next start', () => {
    write('const greeting: string = "first"\nprocess.stdout.write(greeting)')
    expect(run()).toBe('first')
    expect(readdirSync(cache)).toEqual(['main.ts.js'])
    const kept = join(cache, 'main.ts.js')
    writeFileSync(kept, readFileSync(kept, 'utf8').replace('"first"', '"kept!"'))
    expect(run()).toBe('kept!')
  })

  it('strips an edited source again, in place of the old one', () => {
    write('process.stdout.write("old" as string)')
    run()
    write('process.stdout.write("new" as string)')
    expect(run()).toBe('new')
    expect(readdirSync(cache)).toEqual(['main.ts.js'])
  })

  it('passes over a file that is cut', () => {
    write('process.stdout.write("whole" as string)')
    run()
    writeFileSync(join(cache, 'main.ts.js'), 'process.stdout.write("cu')
    expect(run()).toBe('whole')
  })

  it('runs where nothing can be kept', () => {
    mkdirSync(join(root, 'node_modules'))
    writeFileSync(join(root, 'node_modules/.cache'), 'a file in the way')
    write('process.stdout.write("all the same" as string)')
    expect(run()).toBe('all the same')
    expect(existsSync(cache)).toBe(false)
  })

  it('leaves it to Node to say what is wrong with a source', () => {
    write('const wrong: = 1')
    expect(spawnSync(process.execPath, args(), { encoding: 'utf8' }).stderr).toMatch(/main\.ts.*SyntaxError|SyntaxError/s)
  })
})
