import type { Comparison, Encoding, KeyOrder } from './catalog.ts'

/** A row of pg_type, as read-catalog.ts reads it. */
export interface TypeRow {
  oid: number
  schema: string
  name: string
  /** b base, c composite, d domain, e enum, p pseudo, r range, m multirange. */
  kind: string
  /** Of a domain. */
  baseOid: number
  notNull: boolean
  /** Of a true array; 0 otherwise. */
  elementOid: number
  /** Of a range, or of a multirange's range. */
  subtypeOid: number
  /** pg_class of a composite. */
  relationOid: number
  /** Someone made a cast to json, which row_to_json would use instead of the output function. */
  castToJson: boolean
  /** Whether the operators that it is ordered by are PostgreSQL's own; null when it has none itself. */
  ordersBuiltIn: boolean | null
}

export interface ValueRules {
  baseType: string
  encoding: Encoding
  keyOrder: KeyOrder
  refusal: string | null
  /** True when the type, or a domain on the way to it, refuses NULL. */
  notNull: boolean
  comparison: Comparison
}

/** Built-in types whose row_to_json form is not their text: numbers that JSON readers round, documents that would be
 * nested, xml (whose output function drops its declaration while the cast to text keeps it). */
const asText = new Set(['int8', 'numeric', 'money', 'json', 'jsonb', 'xml', 'int2vector', 'oidvector'])

/** Types whose input function takes nothing back ("cannot accept a value of type …"), built in or of contrib's GiST. */
const oneWay =
  /^(pg_node_tree|pg_ndistinct|pg_dependencies|pg_mcv_list|pg_brin_\w+_summary|pg_ddl_command|gtsvector|gtrgm|ghstore|ltree_gist|intbig_gkey|gbtreekey\w*)$/

/** What these print can name several functions or operators, so it can't be read back with certainty. */
const ambiguous: Record<string, string> = { regproc: 'regprocedure', regoper: 'regoperator' }

const keyOrders: Record<string, KeyOrder> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  uuid: 'uuid',
  float4: 'float',
  float8: 'float',
}

/**
 * Decides for each type how its values travel, and which can't come back exactly. The choice is proven on every type
 * of PostgreSQL by test/source/round-trip.test.ts.
 * @param types pg_type by oid
 * @param fields type oids of each composite's fields, by its pg_class oid
 * @param serverVersion as `server_version_num`
 * @returns a function from a type's oid to its rules
 */
export function valueRules(
  types: Map<number, TypeRow>,
  fields: Map<number, number[]>,
  serverVersion: number,
): (oid: number) => ValueRules {
  const refusals = new Map<number, string | null>()

  function rulesOf(oid: number): ValueRules {
    const { base, notNull } = withoutDomains(oid)
    return {
      baseType: builtIn(base) ? base.name : `${base.schema}.${base.name}`,
      encoding: encodingOf(base),
      keyOrder: (builtIn(base) && keyOrders[base.name]) || 'text',
      refusal: refusalOf(base, false),
      notNull,
      comparison: comparisonOf(base),
    }
  }

  /** Of a type that holds others, PostgreSQL finds their operators by itself. */
  function comparisonOf(type: TypeRow): Comparison {
    if (type.ordersBuiltIn !== null) return type.ordersBuiltIn ? 'built-in' : 'own'
    if ('erm'.includes(type.kind)) return 'built-in'
    const parts = partsOf(type).map((oid) => withoutDomains(oid).base)
    return parts.length > 0 && parts.every((part) => comparisonOf(part) !== null) ? 'built-in' : null
  }

  function withoutDomains(oid: number): { base: TypeRow; notNull: boolean } {
    let base = typeOf(oid)
    let notNull = base.notNull
    while (base.kind === 'd') {
      base = typeOf(base.baseOid)
      notNull ||= base.notNull
    }
    return { base, notNull }
  }

  function typeOf(oid: number): TypeRow {
    const type = types.get(oid)
    if (type === undefined) throw new Error(`pg_type has no oid ${oid}`)
    return type
  }

  function encodingOf(type: TypeRow): Encoding {
    if (type.elementOid !== 0) return builtIn(withoutDomains(type.elementOid).base) ? 'text' : 'output'
    if (builtIn(type)) return asText.has(type.name) ? 'text' : 'native'
    return 'erm'.includes(type.kind) && !type.castToJson ? 'native' : 'output'
  }

  function refusalOf(type: TypeRow, nested: boolean): string | null {
    const own = ownRefusal(type, nested)
    if (own !== null) return own
    // A type met again while its parts are looked at adds nothing; null until then.
    if (!refusals.has(type.oid)) {
      refusals.set(type.oid, null)
      refusals.set(
        type.oid,
        partsOf(type)
          .map((oid) => refusalOf(withoutDomains(oid).base, true))
          .find(Boolean) ?? null,
      )
    }
    return refusals.get(type.oid) ?? null
  }

  function partsOf(type: TypeRow): number[] {
    if (type.kind === 'c') return fields.get(type.relationOid) ?? []
    return [type.elementOid, type.subtypeOid].filter((oid) => oid !== 0)
  }

  function ownRefusal(type: TypeRow, nested: boolean): string | null {
    if (type.kind === 'p') return `pseudo-type ${type.name} holds values of no known type`
    if (oneWay.test(type.name)) return `PostgreSQL prints type ${type.name} but takes no value of it back`
    if (!builtIn(type)) return null
    if (ambiguous[type.name] !== undefined) {
      return `what type ${type.name} prints can name several objects; ${ambiguous[type.name]} is exact`
    }
    if (nested && type.name === 'xml') return 'xml inside another type loses its XML declaration when printed'
    if (nested && type.name === 'char' && serverVersion < 150000) {
      return 'before PostgreSQL 15, "char" inside another type prints bytes above 127 that are no text'
    }
    return null
  }

  return rulesOf
}

function builtIn(type: TypeRow): boolean {
  return type.schema === 'pg_catalog'
}
