import { defineProblems } from '../platform/errors.ts'

/** What can be wrong with notices, and with what they are sent through. */
export const notificationProblems = defineProblems({
  NOTICE_NOT_FOUND: {
    status: 404,
    title: 'There is no such notice',
    hint: 'GET /api/notifications lists those there are.',
  },
  NOTICE_DELIVERED: {
    status: 409,
    title: 'The notice was delivered',
    hint: 'There is nothing left to try. POST /api/notifications/tests sends a new one to see whether a channel works.',
  },
  CHANNEL_NOT_CONFIGURED: {
    status: 409,
    title: 'The channel is not configured',
    hint: 'Say whom it reaches: under `notify` in the dataset file, or in the environment. docs/notifications.md lists the settings.',
  },
  WEBHOOK_NOT_ALLOWED: {
    status: 422,
    title: 'The webhook may not be called',
    hint: 'Only hosts that HOLDFAST_WEBHOOK_ALLOW names are called, at addresses on the internet; one inside the network has to be named by its address, or marked with +private. See docs/notifications.md.',
  },
  WEBHOOK_UNREACHABLE: {
    status: 502,
    title: 'The webhook could not be reached',
    hint: 'Nothing answered at that host. Check that it is up, and that this machine can reach it.',
  },
})
