import type { FastifyInstance } from 'fastify'
import { channelsFor, datasetOf, type ConfiguredChannel } from './channels.ts'
import { reachedBy } from './present-notice.ts'

/** Which channels are configured, whom they reach and what they lack, without a secret: of the environment, then by dataset. */
export function describeChannels(app: FastifyInstance) {
  const declared = app.datasets
    .list()
    .filter(({ name }) => datasetOf(app, name)?.policies.notify !== undefined)
  const owners = [{ name: null, title: 'The environment' }, ...declared]
  return owners.map(({ name, title }) => ({
    name,
    title,
    channels: channelsFor(app.config, datasetOf(app, name), null).map((channel) => ({
      kind: channel.kind,
      to: reachedBy(channel),
      events: channel.events,
      lacks: lackOf(app, channel),
    })),
  }))
}

/** What keeps it from being used, however well it says whom it reaches. */
function lackOf({ config }: FastifyInstance, channel: ConfiguredChannel): string | null {
  if (channel.kind === 'telegram') return channel.botToken === null ? 'There is no bot token.' : null
  if (channel.kind === 'email') return config.smtpUrl === null ? 'SMTP_URL is not set.' : null
  return channel.secret === null ? 'There is no secret to sign with.' : null
}
