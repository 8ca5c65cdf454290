#!/bin/sh
# Registers the application, its permissions and their consent. Needs the Azure CLI and an
# Application Administrator, Cloud Application Administrator or Global Administrator.
set -eu

{% if let Some(cloud) = plan.azure_cli_cloud() %}az cloud set --name {{ cloud }}
{% endif %}az login --tenant {{ tenant }} --allow-no-subscriptions
API={{ plan.api.id }}

{% if let Some(client_id) = plan.client_id %}# The application: for the desktop, without a secret. This replaces the redirect URIs
# that it has for desktops.
APP={{ client_id }}
az ad app update --id "$APP" \
{% else %}# The application: for the desktop, without a secret.
APP=$(az ad app create --display-name acspass --sign-in-audience AzureADMyOrg \
{% endif %}  --public-client-redirect-uris {{ redirect_uri }} \
  --is-fallback-public-client true \
  --enable-id-token-issuance false --enable-access-token-issuance false{% if plan.client_id.is_none() %} \
  --query appId --output tsv){% endif %}

# {{ plan.api.name }}, where the tenant does not have it yet.
az ad sp show --id "$API" >/dev/null 2>&1 || az ad sp create --id "$API"

# The delegated permissions, by the ids that this tenant has for them.
for NAME in {{ permissions }}; do
  ID=$(az ad sp show --id "$API" \
    --query "oauth2PermissionScopes[?value=='$NAME'].id" --output tsv)
  [ -n "$ID" ] || { echo "this tenant has no permission $NAME" >&2; exit 1; }
  az ad app permission add --id "$APP" --api "$API" --api-permissions "$ID=Scope"
done

# Consent for every user of the tenant. A new application takes a minute to be known
# everywhere: where this says that it is not there, run this line again.
az ad sp show --id "$APP" >/dev/null 2>&1 || az ad sp create --id "$APP"
az ad app permission admin-consent --id "$APP"

echo {{ set_tenant }}
echo "acspass config set client-id $APP"
