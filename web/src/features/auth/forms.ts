/** What the server takes for a user name and an e-mail address, roughly; its own word counts. */
export const USERNAME = /^[\p{L}\p{M}\p{N}_.-]{3,32}$/u
export const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/
