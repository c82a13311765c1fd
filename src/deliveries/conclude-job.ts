/** The job that does what has to follow a complete delivery. */
export const concludeJob = 'deliveries.conclude'
