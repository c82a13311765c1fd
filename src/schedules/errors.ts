import { defineProblems } from '../platform/errors.ts'

export const scheduleProblems = defineProblems({
  SCHEDULE_NOT_FOUND: {
    status: 404,
    title: 'There is no such schedule',
    hint: 'GET /api/schedules lists them. Those of a dataset come and go with its file.',
  },
  SCHEDULE_RUN_NOT_FOUND: {
    status: 404,
    title: 'There is no such run of a schedule',
    hint: 'Runs are forgotten after 400 days; the audit log still has them.',
  },
  SCHEDULE_RUNNING: {
    status: 409,
    title: 'The schedule has a run under way',
    hint: 'A schedule never overlaps with itself. Wait for the run to end; its history shows when it does.',
  },
  SCHEDULE_DISABLED: {
    status: 409,
    title: 'The schedule is switched off in the dataset file',
    hint: 'Switch it on where it is declared (`enabled`); files are read again as soon as they change.',
  },
  RUN_INTERRUPTED: {
    status: 409,
    title: 'The run was interrupted each time it was begun',
    hint: 'Its process died every time. Look into the log for why, then run the schedule by hand.',
  },
})
