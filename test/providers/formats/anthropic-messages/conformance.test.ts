import { format } from '../../../../providers/formats/anthropic-messages/index.ts'
import { formatConformance } from '../../../conformance/format.ts'

formatConformance(format)
