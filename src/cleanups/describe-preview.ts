import type { CleanupTarget } from './cleanup.ts'
import { presentPlan } from './present-cleanup.ts'
import type { CleanupPreview } from './request-cleanup.ts'

/** A preview as the API answers with it. */
export function describePreview(target: CleanupTarget, { plan, planHash, warnings }: CleanupPreview) {
  const missing = warnings.find(({ code }) => code === 'NO_SNAPSHOT')
  return {
    preview: true as const,
    plan: presentPlan(plan),
    planHash,
    ...(missing && { warning: missing.detail }),
    warnings,
    message: target === 'records' ? recordsMessage : filesMessage,
  }
}

const confirm =
  'Nothing was removed. Send the same request with "confirmDelete": true and this planHash to remove exactly this'

const recordsMessage = `${confirm}; a verified copy of it is taken first, from which it can be brought back.`

const filesMessage = `${confirm}. Files have no undo: of an object that is removed from its store, Holdfast has no copy.`
