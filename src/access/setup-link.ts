import { defineEntity, p } from '@mikro-orm/core'

/** How long a setup link is good for. */
export const setupLinkMs = 3_600_000

const SetupLinkSchema = defineEntity({
  name: 'SetupLink',
  tableName: 'setup_links',
  properties: {
    /** Always true: there is one link or none, and a new one takes the old one's place. */
    single: p.boolean().primary(),
    /** SHA-256 of the link's token. */
    digest: p.string(),
    expiresAt: p.datetime(),
  },
})

/** The link that lets whoever started Holdfast make the first user. */
export class SetupLink extends SetupLinkSchema.class {}
SetupLinkSchema.setClass(SetupLink)
