import { fieldsOfScope } from '../datasets/scope-link.ts'
import type { GateVerdict } from './verdict.ts'

/** A verdict as pages show it: with the fields of the form after which the gate is open. */
export function describeVerdict(verdict: GateVerdict) {
  const { dataset, operation, open, code, maxAge, maxAgeSeconds, snapshot, missing, scope, clearWith } =
    verdict
  return {
    ...{ operation, open, code, maxAge, maxAgeSeconds, snapshot, missing },
    clearing: clearWith && { dataset, ...fieldsOfScope(scope), reuseWithin: clearWith.body.reuseWithin },
  }
}
