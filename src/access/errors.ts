import { defineProblems } from '../platform/errors.ts'

export const accessProblems = defineProblems({
  SIGN_IN_REQUIRED: {
    status: 401,
    title: 'Nobody is signed in',
    hint: 'Sign in at /sign-in, or send an API token: Authorization: Bearer hf_…',
  },
  CREDENTIALS_INVALID: {
    status: 401,
    title: 'The credentials are not valid',
    hint: 'The API token or the session is unknown, has expired or was revoked. Make a new token, or sign in again.',
  },
  SIGN_IN_REFUSED: {
    status: 401,
    title: 'The email address or the password is not right',
    hint: 'Check both. An admin can set a new password, and sees whether the account is disabled.',
  },
  SIGN_IN_THROTTLED: {
    status: 429,
    title: 'Too many attempts to sign in',
    hint: 'Wait as long as Retry-After says. Whoever is signed in already, or comes from another address, is not affected.',
  },
  FORBIDDEN: {
    status: 403,
    title: 'You may not do that',
    hint: 'The detail says which permission is missing. /permissions shows who has it; an admin can change your role.',
  },
  NOT_A_PARTY: {
    status: 403,
    title: 'You are not a party to this record',
    hint: "The application's own data says who is a party to a record, by email address. Have yourself added there.",
  },
  CROSS_SITE_REFUSED: {
    status: 403,
    title: 'The request came from another site',
    hint: 'Browsers must send changes from a page of Holdfast itself. Scripts use an API token instead of a cookie. Behind a proxy, set TRUST_PROXY and pass Host and X-Forwarded-Proto on.',
  },
  SETUP_LINK_INVALID: {
    status: 403,
    title: 'This setup link is not valid',
    hint: 'It is good for one hour and for one use, and each start makes a new one. Restart Holdfast and take the link it prints.',
  },
  SETUP_DONE: {
    status: 409,
    title: 'Holdfast is already set up',
    hint: 'Sign in at /sign-in. An admin can add users.',
  },
  PASSWORD_WEAK: {
    status: 400,
    title: 'The password would be guessed',
    hint: 'Use 12 characters or more; a few unrelated words are fine.',
  },
  PASSWORD_WRONG: {
    status: 403,
    title: 'The present password is not right',
    hint: 'Type the password that you sign in with now.',
  },
  EMAIL_TAKEN: {
    status: 409,
    title: 'A user with this email address exists',
    hint: 'Change that user instead; disabled users are listed too.',
  },
  LAST_ADMIN: {
    status: 409,
    title: 'This is the last admin',
    hint: 'Make another user an admin first, so that someone can still manage users.',
  },
  USERS_ONLY: {
    status: 403,
    title: 'Only a user can do that',
    hint: 'API tokens have no password and no sessions. Sign in as a user.',
  },
  USER_NOT_FOUND: { status: 404, title: 'There is no such user', hint: 'GET /api/users lists them.' },
  TOKEN_NOT_FOUND: {
    status: 404,
    title: 'There is no such API token',
    hint: 'GET /api/tokens lists those that you may see.',
  },
  TOKEN_EXPIRY_PAST: {
    status: 400,
    title: 'The token would have expired already',
    hint: 'Give an expiresAt in the future, or none for a token that lasts until it is revoked.',
  },
  SESSION_NOT_FOUND: {
    status: 404,
    title: 'There is no such session',
    hint: 'GET /api/me/sessions lists yours.',
  },
})
