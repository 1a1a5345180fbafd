import { writeFileSync } from 'node:fs'
import { emitJsonSchema } from '../../../core/config/json-schema.ts'
import { builtins, SCHEMA_FILE } from './builtins.ts'

// `npm run schema`: writes core/config/schema.json anew. It stands here because the core may not import the list of providers.
writeFileSync(SCHEMA_FILE, `${JSON.stringify(emitJsonSchema(builtins), null, 2)}\n`)
