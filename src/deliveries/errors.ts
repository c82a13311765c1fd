import { defineProblems } from '../platform/errors.ts'

/** What can be wrong with a delivery, with one of its files, or with what is asked of it. */
export const deliveryProblems = defineProblems({
  DELIVERY_UNKNOWN: {
    status: 404,
    title: 'There is no such delivery',
    hint: 'Check the id; GET /api/deliveries lists them.',
  },
  DELIVERY_WITHOUT_FILES: {
    status: 409,
    title: 'The dataset declares no files',
    hint: 'Say under `files` in the dataset file which store holds them and which column has their keys.',
  },
  DELIVERY_OPTIONS_INVALID: {
    status: 400,
    title: 'The destination cannot be used as it is described',
    hint: 'Mend what `errors` lists. A folder needs HOLDFAST_DELIVERY_ROOT, a bucket a store of its own name (HOLDFAST_STORE_<NAME>_URL with s3:), OneDrive an access token.',
  },
  DELIVERY_OVER: {
    status: 409,
    title: 'The delivery is over',
    hint: 'To deliver what failed once more: POST /api/batches/:id/resumption with retryFailed. Otherwise start another delivery.',
  },
  DELIVERY_WITHOUT_TOKEN: {
    status: 409,
    title: 'The delivery takes no access token',
    hint: 'Only deliveries to OneDrive have one.',
  },
  DELIVERY_ORIGINAL_MISSING: {
    status: 409,
    title: 'The store does not have the original',
    hint: 'The row names a file that is not in the store. Put it there, or mend the row, then retry the failed items of the batch.',
  },
  DELIVERY_ORIGINAL_DIFFERS: {
    status: 409,
    title: 'The original is not what its row says',
    hint: 'Its size or hash differs from the one in the database, so it was not delivered. Find out which is right, then retry the failed items of the batch.',
  },
  DELIVERY_COPY_DIFFERS: {
    status: 502,
    title: 'The copy at the destination is not what was sent',
    hint: 'Size or hash differ after the copy. Retry the failed items of the batch; if it happens again, look at the destination.',
  },
  DELIVERY_CONFLICT: {
    status: 409,
    title: 'The destination has another file of that name',
    hint: 'Deliveries overwrite nothing. Deliver into another folder, or remove the file there and retry the failed items of the batch.',
  },
  DELIVERY_REFUSED: {
    status: 502,
    title: 'The destination refused the file',
    hint: 'The detail says what it answered. Mend that, then retry the failed items of the batch.',
  },
})
