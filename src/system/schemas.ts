import Type from 'typebox'

const closed = { additionalProperties: false } as const
const Bytes = Type.Integer({ minimum: 0 })
const Problem = Type.Union([Type.String(), Type.Null()], {
  description: 'What is the matter; null when all is well.',
})

export const SystemResource = Type.Object(
  {
    version: Type.String({ description: "Holdfast's own." }),
    node: Type.String(),
    now: Type.String({ format: 'date-time' }),
    database: Type.Object(
      {
        version: Type.String({ description: "PostgreSQL's, of Holdfast's own database." }),
        bytes: Bytes,
        replicas: Type.Integer({ description: 'Processes of this service that share the database.' }),
        migrations: Type.Integer({ description: 'Applied ones.' }),
        pendingMigrations: Type.Array(Type.String()),
      },
      closed,
    ),
    sources: Type.Array(
      Type.Object(
        { name: Type.String(), version: Type.Union([Type.String(), Type.Null()]), problem: Problem },
        closed,
      ),
    ),
    stores: Type.Array(
      Type.Object(
        {
          name: Type.String({
            description: "`main` has the artifacts; the others the application's own files.",
          }),
          kind: Type.Enum(['folder', 's3']),
          location: Type.String(),
          problem: Problem,
          freeBytes: Type.Union([Bytes, Type.Null()], { description: 'Null: nobody knows.' }),
        },
        closed,
      ),
    ),
    queue: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          waiting: Type.Integer(),
          running: Type.Integer(),
          failed: Type.Integer({ description: 'Failed for good within the last day.' }),
        },
        closed,
      ),
      { description: 'Background work by kind, over all replicas.' },
    ),
    process: Type.Object(
      {
        pid: Type.Integer(),
        startedAt: Type.String({ format: 'date-time' }),
        residentBytes: Bytes,
        heapBytes: Bytes,
      },
      closed,
    ),
    machine: Type.Object(
      {
        platform: Type.String(),
        processors: Type.Integer(),
        memoryBytes: Bytes,
        freeMemoryBytes: Bytes,
        homeFreeBytes: Type.Union([Bytes, Type.Null()], { description: 'Beside HOLDFAST_HOME.' }),
      },
      closed,
    ),
    settings: Type.Array(
      Type.Object({ name: Type.String(), value: Type.Union([Type.String(), Type.Null()]) }, closed),
      { description: 'Without secrets: of those only whether they are set.' },
    ),
  },
  { $id: 'System', ...closed },
)
