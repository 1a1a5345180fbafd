import type { JsonObject } from '../../../core/canonical/json.ts'
import type { GatewayError } from '../../../core/errors.ts'
import type { Frame } from '../../../core/format.ts'

/**
 * The HTTP status that goes with an exception, for those that come inside a stream:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html. Lower case: bodies and streams differ.
 */
export const STATUSES: ReadonlyMap<string | undefined, number> = new Map<string | undefined, number>([
  ['validationexception', 400],
  ['accessdeniedexception', 403],
  ['resourcenotfoundexception', 404],
  ['modeltimeoutexception', 408],
  ['modelerrorexception', 424],
  ['modelstreamerrorexception', 424],
  ['modelnotreadyexception', 429],
  ['servicequotaexceededexception', 429],
  ['throttlingexception', 429],
  ['internalserverexception', 500],
  ['internalfailure', 500],
  ['serviceunavailableexception', 503],
])

/** Exceptions by status: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors */
const EXCEPTIONS = new Map([
  [400, 'ValidationException'],
  [401, 'AccessDeniedException'],
  [403, 'AccessDeniedException'],
  [404, 'ResourceNotFoundException'],
  [408, 'ModelTimeoutException'],
  [424, 'ModelErrorException'],
  [429, 'ThrottlingException'],
  [503, 'ServiceUnavailableException'],
  [504, 'ModelTimeoutException'],
])

/** The name by which SDKs know an error: the provider's own where it is one of this API. */
function exceptionOf(error: GatewayError): string {
  const { upstream } = error.detail
  if (upstream?.type && STATUSES.has(upstream.type.toLowerCase())) return upstream.type
  return EXCEPTIONS.get(error.status) ?? (error.status < 500 ? 'ValidationException' : 'InternalServerException')
}

function messageOf(error: GatewayError): string {
  return error.detail.upstream?.message ?? error.message
}

/** `{message, __type}`; SDKs look for the name in a header first (`errorHeaders`). */
export function encodeError(error: GatewayError): JsonObject {
  return { message: messageOf(error), __type: exceptionOf(error) }
}

/** Where SDKs of AWS read which exception an answer is. */
export function errorHeaders(error: GatewayError): Record<string, string> {
  return { 'x-amzn-errortype': exceptionOf(error) }
}

/** The exceptions that a stream may hold: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html */
const IN_STREAM = new Map([
  [429, 'throttlingException'],
  [500, 'internalServerException'],
  [503, 'serviceUnavailableException'],
])

/** The message of kind `exception` that ends a stream which failed. What the provider did wrong is a fault of the model's stream. */
export function encodeErrorFrame(error: GatewayError): Frame {
  const { status } = error
  const event =
    IN_STREAM.get(status) ?? (status < 500 && status !== 408 && status !== 424 ? 'validationException' : 'modelStreamErrorException')
  const facts = event === 'modelStreamErrorException' ? { originalStatusCode: status, originalMessage: messageOf(error) } : {}
  return { event, data: JSON.stringify({ message: messageOf(error), ...facts }) }
}
