# The Credential Manager and a task of the Task Scheduler, on Windows: the parts of the program that other
# systems cannot run. CI runs it on GitHub's machines.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true
Set-Location (Join-Path $PSScriptRoot '../..')

cargo build --locked
$acspass = Join-Path (Get-Location) 'target/debug/acspass.exe'
$folder = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid())
$env:ACSPASS_STATE_DIR = Join-Path $folder 'state'
$env:ACSPASS_CONFIG_DIR = Join-Path $folder 'config'
$env:ACSPASS_STORE = 'keyring'

function Wait-For([scriptblock] $condition) {
    foreach ($attempt in 1..100) {
        try { & $condition | Out-Null; return } catch { Start-Sleep -Milliseconds 100 }
    }
    throw "timed out: $condition"
}

Write-Output '==> the Credential Manager'
& $acspass login --emulator
if (-not ((& $acspass status --emulator | Out-String) -match 'ada@contoso.example')) { throw 'the session is not stored' }
if (-not ((cmdkey /list | Out-String) -match 'acspass')) { throw 'the Credential Manager has no item of acspass' }
& $acspass logout --emulator --all
if ((cmdkey /list | Out-String) -match 'acspass') { throw 'an item is left in the Credential Manager' }

Write-Output '==> a task of the Task Scheduler'
$emulator = Start-Process -PassThru -NoNewWindow $acspass -ArgumentList 'emulator' -RedirectStandardOutput (Join-Path $folder 'emulator')
try {
    Wait-For { & $acspass emulator healthcheck }
    $settings = & $acspass emulator env -o json | ConvertFrom-Json
    & $acspass config set tenant $settings.ACSPASS_TENANT_ID
    & $acspass config set client-id $settings.ACSPASS_CLIENT_ID
    & $acspass config set authority-host $settings.AZURE_AUTHORITY_HOST
    & $acspass config set store keyring
    $settings.COMMUNICATION_SERVICES_CONNECTION_STRING | & $acspass config set connection-string
    $env:ACSPASS_CA_FILE = $settings.SSL_CERT_FILE
    Remove-Item Env:ACSPASS_STORE
    & $acspass serve --install
    Wait-For { & $acspass serve --status }
    if (-not ((schtasks /query /fo csv | Out-String) -match 'acspass')) { throw 'the Task Scheduler does not know the task' }
    & $acspass serve --uninstall
    if ((schtasks /query /fo csv | Out-String) -match 'acspass') { throw 'the task is left' }
    & $acspass config unset connection-string
} finally {
    Stop-Process $emulator
}
Write-Output '1 passed, 0 failed'
