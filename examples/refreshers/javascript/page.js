// The script of the server's page. In an app with packages, a bundler writes this file.

// The part after # is not sent to a server.
const authorization = `Bearer ${location.hash.slice(1)}`;
const response = await fetch("/token", { headers: { authorization } });
const { token, error } = await response.json();
document.querySelector("p").textContent = token ? `a token of ${token.length} characters` : error;
