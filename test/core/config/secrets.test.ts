import { expect, test } from 'vitest'
import { secretsIn } from '../../../core/config/secrets.ts'

test.each([
  ['mongodb://user:hidden-secret@a.example/db', ['hidden-secret']],
  ['mongodb://user:hidden-secret@a.example:1,b.example:2/db?w=1', ['hidden-secret']],
  ['mongodb+srv://user:hidden%40secret@a.example/', ['hidden%40secret', 'hidden@secret']],
  ['redis://:hidden-secret@a.example', ['hidden-secret']],
  ['mongodb://a.example/?a=b:c@d', []],
  ['someone@example.com', []],
])('the password of the address %s is a secret', (url, secrets) => {
  expect(secretsIn({ config_store: { config: { url } } })).toEqual(secrets)
})
