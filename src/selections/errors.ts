import { defineProblems } from '../platform/errors.ts'

/** What can be wrong with what was chosen in a list. */
export const selectionProblems = defineProblems({
  SELECTION_EMPTY: {
    status: 422,
    title: 'Nothing is chosen',
    hint: 'Go back to the list and tick what is meant, or all that match.',
  },
  SELECTION_CHANGED: {
    status: 409,
    title: 'The list has changed since it was shown',
    hint: 'What matches now is not what was agreed to, so nothing was done. Look at the new number, and agree to it if it is right.',
  },
  SELECTION_TOO_LARGE: {
    status: 422,
    title: 'Too many match to be chosen at once',
    hint: 'Narrow the filter until fewer match.',
  },
})
