import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../../core/config/load.ts'
import { celFault } from '../../../../core/config/rules/cel.ts'
import { builtins } from '../builtins.ts'

describe('expressions of routing rules', () => {
  test.each([
    '',
    '  ',
    'true',
    'model == "gpt-4o"',
    'model.startsWith("gpt") && headers["x-tier"] == "gold"',
    'budget_used > 80.0 || tokens_used > 90.0 || request > 50.0',
    'model in ["a", "b"] && has(params.temperature)',
    '["a", "b"].exists(name, model.contains(name))',
    '{"a": 1}.all(key, key != provider)',
    'type(model) == string',
  ])('%s is one', (text) => expect(celFault(text)).toBeUndefined())

  test.each([
    ['model ==', 'line 1, column'],
    ['model === "x"', 'is no CEL expression'],
    ['modle == "x"', 'there is no variable "modle"'],
    ['["a"].exists(name, other == name)', 'there is no variable "other"'],
    ['constructor', 'there is no variable "constructor"'],
    ['"gpt-4o"', 'must be true or false'],
    ['[model]', 'must be true or false'],
    ['42', 'must be true or false'],
    [`${'('.repeat(20_000)}true${')'.repeat(20_000)}`, ''],
  ])('%.40s is none', (text, message) => expect(celFault(text)).toContain(message))
})

test('a wrong one in config.json is told with its place', () => {
  const rule = { id: 'r', name: 'r', cel_expression: 'modle == "x"', targets: [{ model: 'text' }] }
  const { problems } = loadConfig({ config: { governance: { routing_rules: [rule] } }, env: {}, builtins })
  expect(problems).toEqual(['governance.routing_rules[0].cel_expression: there is no variable "modle"'])
})
