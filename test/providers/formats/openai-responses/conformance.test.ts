import { format } from '../../../../providers/formats/openai-responses/index.ts'
import { formatConformance } from '../../../conformance/format.ts'

formatConformance(format)
