import type { Static } from 'typebox'
import type { Files, Notify, Parties, Stats } from './content-policies.ts'
import type { Backup, Export, Gate, Retention } from './safety-policies.ts'

/** What a role in a record can be granted. */
export const partyActions = ['list', 'view', 'download', 'create', 'delete'] as const

/** Where a secret may stand, and nowhere else; never part of artifacts, answers or logs. */
export const secretPaths: readonly string[] = [
  'notify.telegram.botToken',
  'notify.webhook.url', // many services put their key into it
  'notify.webhook.secret',
]

/** The policies of a dataset, as declared; each is read by the feature that owns it, which fills in the defaults. */
export interface Policies {
  gate?: Static<typeof Gate>
  backup?: Static<typeof Backup>
  retention?: Static<typeof Retention>
  export?: Static<typeof Export>
  files?: Static<typeof Files>
  stats?: Static<typeof Stats>
  parties?: Static<typeof Parties>
  notify?: Static<typeof Notify>
}
export type GatePolicy = NonNullable<Policies['gate']>
export type StatDeclaration = Static<typeof Stats>[string]
