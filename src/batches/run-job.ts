/** The job in which Holdfast works on a batch itself. */
export const runJob = 'batches.run'
