import { defineProblems } from '../platform/errors.ts'

/** What can be wrong with notices, and with what they are sent through. */
export const notificationProblems = defineProblems({
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
