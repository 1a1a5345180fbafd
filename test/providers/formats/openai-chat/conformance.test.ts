import { format } from '../../../../providers/formats/openai-chat/index.ts'
import { formatConformance } from '../../../conformance/format.ts'

formatConformance(format)
