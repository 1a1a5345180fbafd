import { describe, expect, test } from 'vitest'
import { AddressSet, embeddedAddress, isAddressRange, plainAddress } from '../../core/addresses.ts'

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:127.0.0.1', '127.0.0.1'],
  ['::FFFF:7f00:1', '127.0.0.1'],
  ['0:0:0:0:0:ffff:0a00:0001', '10.0.0.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::', '::'],
  ['::1', '::1'],
  ['127.1', undefined],
  ['2130706433', undefined],
  ['localhost', undefined],
  ['', undefined],
])('plainAddress(%j) is %j', (text, expected) => {
  expect(plainAddress(text)).toBe(expected)
})

test.each([
  ['64:ff9b::a9fe:a9fe', '64:ff9b::', '169.254.169.254'],
  ['::ffff:1', '::ffff:', '0.0.0.1'],
  ['64:ff9b::', '64:ff9b::', undefined],
  ['2001:db8::1', '64:ff9b::', undefined],
  ['64:ff9b::1:2:3', '64:ff9b::', undefined],
])('embeddedAddress(%j, %j) is %j', (text, prefix, expected) => {
  expect(embeddedAddress(text, prefix)).toBe(expected)
})

describe('ranges', () => {
  test.each([
    ['10.0.0.0/8', true],
    ['10.0.0.1', true],
    ['fd00::/8', true],
    ['::1', true],
    ['10.0.0.0/33', false],
    ['10.0.0.0/', false],
    ['10.0.0.0/8/8', false],
    ['10.0.0/8', false],
    ['fe80::1%eth0', false],
    ['everyone', false],
  ])('isAddressRange(%j) is %j', (text, expected) => {
    expect(isAddressRange(text)).toBe(expected)
  })

  test('a set has what its ranges have, in any spelling', () => {
    const set = new AddressSet(['10.0.0.0/8', '2001:db8::/32', '::1'])
    expect(['10.9.9.9', '::ffff:10.9.9.9', '2001:db8:1::1', '::1'].every((address) => set.has(address))).toBe(true)
    expect(['11.0.0.1', '2001:db9::1', '::2', 'x', ''].some((address) => set.has(address))).toBe(false)
  })
})
