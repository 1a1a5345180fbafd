import type { Route } from '../core/edge.ts'
import { NATIVE_ROUTES } from './http/routes.ts'
import { SDK_ROUTES } from './sdk-routes.ts'

/** The endpoint table of the gateway. */
export const ROUTES: readonly Route[] = [...NATIVE_ROUTES, ...SDK_ROUTES]
