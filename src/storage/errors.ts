import { defineProblems } from '../platform/errors.ts'

export const storageProblems = defineProblems({
  STORE_UNREACHABLE: {
    status: 503,
    title: 'The store cannot be reached',
    hint: 'Nothing is known about what it holds. Check that the folder is mounted and writable, or the bucket, endpoint and credentials, then try again.',
  },
  STORE_OBJECT_MISSING: {
    status: 404,
    title: 'The store has no such object',
    hint: 'The store answered and does not hold this object. Somebody may have removed it from outside.',
  },
  STORE_FULL: {
    status: 507,
    title: 'The store is full',
    hint: 'Nothing was stored and older objects are as they were. Make room or raise the quota, then try again.',
  },
  STORE_KEY_INVALID: {
    status: 400,
    title: 'The store cannot hold an object under this key',
    hint: 'Keys are relative paths with "/" between their segments, of at most 1024 bytes, without empty, "." or ".." segments and control characters.',
  },
  STORE_RANGE_INVALID: {
    status: 416,
    title: 'The object has no such range of bytes',
    hint: 'A range starts inside the object and ends at or after its start.',
  },
  STORE_URL_INVALID: {
    status: 400,
    title: "The store's URL is not valid",
    hint: 'Use file:/path/to/folder, or s3://bucket/prefix with the parameters endpoint, region, accessKeyId, secretAccessKey, sessionToken and forcePathStyle.',
  },
  STORE_UNKNOWN: {
    status: 404,
    title: 'No store of that name is configured',
    hint: 'Set HOLDFAST_STORE_<NAME>_URL and start again.',
  },
})
