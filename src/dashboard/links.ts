import { wordScope } from '../platform/wording.ts'

/** Something with a page of its own, as the dashboard lists it. */
export interface Link {
  path: string
  title: string
}

type OfDataset = { id: string; dataset: string; scope: unknown }

export function snapshotLink({ id, dataset, scope }: OfDataset): Link {
  return { path: `/snapshots/${id}`, title: `Snapshot of ${dataset}, ${wordScope(scope)}` }
}

export function exportLink({ id, dataset, scope }: OfDataset): Link {
  return { path: `/exports/${id}`, title: `Export of ${dataset}, ${wordScope(scope)}` }
}

export function restoreLink({ id, dataset }: { id: string; dataset: string }): Link {
  return { path: `/restores/${id}`, title: `Restore of ${dataset}` }
}

export function cleanupLink({ id, dataset, scope }: OfDataset): Link {
  return { path: `/cleanups/${id}`, title: `Cleanup of ${dataset}, ${wordScope(scope)}` }
}

export function deliveryLink({ id, dataset, scope }: OfDataset): Link {
  return { path: `/deliveries/${id}`, title: `Delivery of ${dataset}, ${wordScope(scope)}` }
}

export function batchLink({ id, key, title }: { id: string; key: string; title: string | null }): Link {
  return { path: `/batches/${id}`, title: `Batch ${title ?? key}` }
}

export function scheduleLink(name: string, title: string): Link {
  return { path: `/schedules/${encodeURIComponent(name)}`, title }
}
