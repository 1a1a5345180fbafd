import { format } from '../../../../providers/formats/bedrock-converse/index.ts'
import { formatConformance } from '../../../conformance/format.ts'

formatConformance(format, 'us.anthropic.claude-sonnet-4-5-20250929-v1:0')
