import { format } from '../../../../providers/formats/replicate/index.ts'
import { formatConformance } from '../../../conformance/format.ts'

formatConformance(format, 'meta/meta-llama-3-70b-instruct')
