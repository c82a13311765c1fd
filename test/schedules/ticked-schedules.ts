/** What the replicas of replicas.test.ts have in common. */
export const ticked = [
  { name: 'every.ten', cron: '*/10 * * * *', timezone: 'Europe/Berlin' },
  { name: 'night.berlin', cron: '30 2 * * *', timezone: 'Europe/Berlin' },
  { name: 'night.new-york', cron: '30 1 * * *', timezone: 'America/New_York' },
]
