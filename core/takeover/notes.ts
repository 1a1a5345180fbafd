import type { V1Rule } from '../config/migrations/v1.ts'

/** Rules by which something became other than it was, by a name that stays; those of a configuration file, and some of a database alone. */
export const RULES = {
  'key-models': 'A provider key with an empty list of models served all: now ["*"].',
  'base-url': "The base_url of a provider whose keys hold the server's address became the url of its keys; without a key, of a new one.",
  deployments: 'Deployments became aliases.',
  'provider-configs':
    'A virtual key without provider_configs could use every provider: now each configured one is listed, with ["*"] models and keys.',
  'allowed-models': 'An empty allowed_models of a virtual key allowed all: now ["*"].',
  'key-ids': 'Keys that a virtual key is limited to became key_ids.',
  'mcp-configs': 'A virtual key without mcp_configs could use every MCP client: now each one is listed, with ["*"] tools.',
  'tools-to-execute': 'An empty tools_to_execute allowed all tools: now ["*"].',
  budgets: 'The budget of a virtual key, or of one of its providers, became its list of budgets.',
  compat: 'enable_litellm_fallbacks became compat.convert_text_to_chat.',
  auth: 'enforce_governance_header and enforce_scim_auth became enforce_auth_on_inference.',
  pricing: 'Pricing overrides of a provider became pricing overrides of their own.',
  'plugin-off': 'A plugin that this gateway cannot load is switched off.',
} as const satisfies Record<V1Rule | 'pricing' | 'plugin-off', string>
/** The name of a rule. */
export type Rule = keyof typeof RULES

/** What is said about an entity. */
export interface Note {
  /** Kind and name, such as `virtual key "team"`. Never a secret. */
  entity: string
  detail?: string | undefined
}

/** What is to be told of a takeover besides what came over. */
export interface Notes {
  changed: { rule: Rule; notes: Note[] }[]
  /** Denied now because it was not migrated. */
  denied: Note[]
  /** Not carried, or in need of a hand. */
  left: Note[]
}

/** Collects what there is to tell. */
export class NoteBook {
  readonly #changed = new Map<Rule, Note[]>()
  readonly #denied: Note[] = []
  readonly #left: Note[] = []

  changed(rule: Rule, entity: string, detail?: string): void {
    const notes = this.#changed.get(rule) ?? []
    this.#changed.set(rule, notes)
    notes.push({ entity, detail })
  }

  denied(entity: string, detail: string): void {
    this.#denied.push({ entity, detail })
  }

  left(entity: string, detail: string): void {
    this.#left.push({ entity, detail })
  }

  /** All notes, rules in the order of RULES, entities by name: two databases that mean the same read the same. */
  all(): Notes {
    const rules = Object.keys(RULES) as Rule[]
    return {
      changed: rules.flatMap((rule) => {
        const notes = this.#changed.get(rule)
        return notes ? [{ rule, notes: sorted(notes) }] : []
      }),
      denied: sorted(this.#denied),
      left: sorted(this.#left),
    }
  }
}

function sorted(notes: readonly Note[]): Note[] {
  return [...notes].sort((a, b) => (a.entity < b.entity ? -1 : a.entity > b.entity ? 1 : 0))
}
