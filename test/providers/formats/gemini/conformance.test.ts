import { format } from '../../../../providers/formats/gemini/index.ts'
import { formatConformance } from '../../../conformance/format.ts'

formatConformance(format, 'gemini-2.5-flash')
