import { defineProblems } from '../platform/errors.ts'

export const batchProblems = defineProblems({
  BATCH_UNKNOWN: {
    status: 404,
    title: 'There is no such batch',
    hint: 'Check the id; GET /api/batches lists them.',
  },
  BATCH_ITEM_UNKNOWN: {
    status: 404,
    title: 'There is no such item',
    hint: 'Look for it in the list of the batch’s items. Items of finished batches are removed after a time.',
  },
  BATCH_KEY_REUSED: {
    status: 409,
    title: 'Another batch has this key',
    hint: 'The same key with the same parameters answers with the batch that is there. For other work take another key; to add items, use POST /api/batches/:id/items.',
  },
  BATCH_CANCELLED: {
    status: 409,
    title: 'The batch was cancelled',
    hint: 'What was cancelled stays so. Create a new batch, under another key, with the items that are left.',
  },
  BATCH_OVER: {
    status: 409,
    title: 'The batch is over',
    hint: 'Only a batch that is not finished can be paused. To do failed items again: POST /api/batches/:id/resumption with retryFailed.',
  },
  BATCH_TIDIED: {
    status: 410,
    title: 'The items of the batch are no longer there',
    hint: 'Items of finished batches are removed after a time; the summary stays. Create a new batch.',
  },
  BATCH_NOT_FOR_WORKERS: {
    status: 409,
    title: 'Holdfast works on this batch itself',
    hint: 'Only batches without a handler are for workers of the application.',
  },
  LEASE_LOST: {
    status: 409,
    title: 'The lease is lost',
    hint: 'It ran out, and others may have the items. Claim again; renew leases well before they run out.',
  },
  ITEMS_MALFORMED: {
    status: 400,
    title: 'The items cannot be read',
    hint: 'Nothing was added. Mend the lines that `errors` names and send the whole request again: items that are there already stay as they are.',
  },
  BATCH_HANDLER_UNKNOWN: {
    status: 422,
    title: 'There is no such handler',
    hint: 'Leave `handler` out to work on the batch with workers of your own, or give a webhook.',
  },
})
