import type { FastifyInstance } from 'fastify'
import type { InputError } from '../platform/errors.ts'
import { Problem } from '../platform/errors.ts'
import { deliveryProblems } from './errors.ts'
import { oneDriveNames, safeName, storeNames, type NameRules } from './safe-names.ts'

export const destinationTypes = ['onedrive', 's3', 'folder'] as const

/** A destination as requests have it. */
export interface GivenDestination {
  type: (typeof destinationTypes)[number]
  path?: string
  store?: string
  prefix?: string
  folder?: string
  driveId?: string
}

/** The same, checked; as it is stored and answered. Holds no secret. */
export type WantedDestination =
  | { type: 'folder'; path: string }
  | { type: 's3'; store: string; prefix: string }
  | { type: 'onedrive'; folder: string; driveId: string | null }

const fieldsOf: Record<GivenDestination['type'], { required: string[]; optional: string[] }> = {
  folder: { required: ['path'], optional: [] },
  s3: { required: ['store'], optional: ['prefix'] },
  onedrive: { required: [], optional: ['folder', 'driveId'] },
}

/**
 * Checks that a destination is one that this service can use, without asking it.
 * @throws Problem DELIVERY_OPTIONS_INVALID with all that is wrong
 */
export function parseDestination(
  app: FastifyInstance,
  given: GivenDestination,
  accessToken: string | undefined,
): WantedDestination {
  const errors = [
    ...fieldErrors(given),
    ...settingErrors(app, given),
    ...tokenErrors(given, accessToken),
    ...pathErrors(given),
  ]
  if (errors.length > 0)
    throw deliveryProblems.DELIVERY_OPTIONS_INVALID(
      errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; '),
      { errors },
    )
  const { type, path = '', store = '', prefix = '', folder = '', driveId = null } = given
  if (type === 'folder') return { type, path }
  return type === 's3' ? { type, store, prefix } : { type, folder, driveId }
}

function fieldErrors({ type, ...fields }: GivenDestination): InputError[] {
  const { required, optional } = fieldsOf[type]
  const unknown = Object.keys(fields).filter((name) => ![...required, ...optional].includes(name))
  const missing = required.filter((name) => !(name in fields))
  return [
    ...unknown.map((name) => at(name, `is not known for a destination of type ${type}`)),
    ...missing.map((name) => at(name, 'is required')),
  ]
}

function settingErrors({ config, stores }: FastifyInstance, { type, store }: GivenDestination): InputError[] {
  if (type === 'folder' && config.deliveryRoot === null)
    return [at('type', 'is not possible here: HOLDFAST_DELIVERY_ROOT is not set')]
  if (type !== 's3' || store === undefined) return []
  try {
    const { location } = stores.get(store)
    return location.startsWith('s3:') ? [] : [at('store', 'is a folder, not a bucket')]
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return [at('store', 'is not configured: set HOLDFAST_STORE_<NAME>_URL')]
  }
}

function tokenErrors({ type }: GivenDestination, accessToken: string | undefined): InputError[] {
  const isNeeded = type === 'onedrive'
  if (isNeeded === (accessToken !== undefined)) return []
  const detail = isNeeded ? 'is required for OneDrive' : 'is for OneDrive only'
  return [{ pointer: '/accessToken', detail }]
}

/** A path that somebody chose is taken as it is or not at all. */
function pathErrors(given: GivenDestination): InputError[] {
  const rules = rulesOf(given)
  return (['path', 'prefix', 'folder'] as const).flatMap((name) => {
    const segments = given[name]?.split('/') ?? []
    const unfit = segments.find((segment) => segment === '' || safeName(segment, rules) !== segment)
    return unfit === undefined
      ? []
      : [at(name, `must be names with "/" between them; ${JSON.stringify(unfit)} is none`)]
  })
}

/** What names are like at a destination. */
export function rulesOf({ type }: Pick<GivenDestination, 'type'>): NameRules {
  return type === 'onedrive' ? oneDriveNames : storeNames
}

/** The folder there that everything goes into, as its names from the outermost in. */
export function baseOf(destination: WantedDestination): string[] {
  const { type } = destination
  const base = type === 'folder' ? destination.path : type === 's3' ? destination.prefix : destination.folder
  return base === '' ? [] : base.split('/')
}

function at(field: string, detail: string): InputError {
  return { pointer: `/destination/${field}`, detail }
}
