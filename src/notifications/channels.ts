import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import type { Config } from '../platform/config.ts'
import { Problem } from '../platform/errors.ts'
import type { ChannelKind, NoticeEvent } from './notice.ts'

/** Where notices go, secrets included: looked up when one is sent, and never stored, logged or answered with. */
export type Channel =
  | { kind: 'telegram'; chatId: string; botToken: string | null }
  | { kind: 'email'; to: string[] }
  | { kind: 'webhook'; url: string; secret: string | null }

/** With the events that it is narrowed to; null: all of them. */
export type ConfiguredChannel = Channel & { events: readonly NoticeEvent[] | null }

/**
 * The channels on which people want to hear of an event. A dataset's `notify` names its own; a dataset without one, and
 * what concerns none, go to the channels of the environment. A channel counts when it says whom it reaches; what else
 * it lacks shows when it is used.
 * @param event null: any
 */
export function channelsFor(
  config: Config,
  dataset: Dataset | null,
  event: NoticeEvent | null,
): ConfiguredChannel[] {
  const notify = dataset?.policies.notify
  const configured = notify === undefined ? globalChannels(config) : declaredChannels(config, notify)
  return configured.filter(({ events }) => event === null || events === null || events.includes(event))
}

/** One of them. */
export function findChannel(config: Config, dataset: Dataset | null, kind: ChannelKind): Channel | null {
  return channelsFor(config, dataset, null).find((channel) => channel.kind === kind) ?? null
}

/** The dataset that a notice is of; null when there is none, or it can't be used as it is. */
export function datasetOf({ datasets }: FastifyInstance, name: string | null): Dataset | null {
  if (name === null) return null
  try {
    return datasets.get(name)
  } catch (error) {
    if (error instanceof Problem) return null
    throw error
  }
}

function globalChannels({ telegram, smtpUrl, notifyEmail }: Config): ConfiguredChannel[] {
  const { chatId, botToken } = telegram
  const channels: ConfiguredChannel[] = []
  if (chatId !== null && botToken !== null)
    channels.push({ kind: 'telegram', chatId, botToken, events: null })
  if (smtpUrl !== null && notifyEmail !== null)
    channels.push({ kind: 'email', to: [notifyEmail], events: null })
  return channels
}

function declaredChannels(
  { telegram: defaults, notifyEmail }: Config,
  { telegram, email, webhook }: NonNullable<Dataset['policies']['notify']>,
): ConfiguredChannel[] {
  const channels: ConfiguredChannel[] = []
  const chatId = telegram?.chatId ?? defaults.chatId
  if (telegram !== undefined && chatId !== null) {
    const botToken = telegram.botToken ?? defaults.botToken
    channels.push({ kind: 'telegram', chatId: String(chatId), botToken, events: telegram.events ?? null })
  }
  const to = [email?.to ?? notifyEmail ?? []].flat()
  if (email !== undefined && to.length > 0) channels.push({ kind: 'email', to, events: email.events ?? null })
  if (webhook?.url !== undefined) {
    const { url, secret = null, events = null } = webhook
    channels.push({ kind: 'webhook', url, secret, events })
  }
  return channels
}
