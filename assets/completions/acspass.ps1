# Completion of acspass for PowerShell.

Register-ArgumentCompleter -Native -CommandName acspass -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $elements = $commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition }
    $words = @($elements | ForEach-Object { $_.Extent.Text.Trim('"', "'") })
    # An empty word at the cursor is no element. The program adds it.
    $index = $words.Count
    if ($wordToComplete -ne '') {
        $index = $words.Count - 1
        $words[$index] = $wordToComplete.Trim('"', "'")
    }
    $program = Get-Command acspass -CommandType Application -ErrorAction SilentlyContinue |
        Select-Object -First 1
    if ($null -eq $program) { return }
    & $program __complete $index '--' @words 2>$null | ForEach-Object {
        $candidate, $about = $_ -split "`t", 2
        # PowerShell completes files itself if there is no candidate.
        if ($candidate) {
            if (-not $about) { $about = $candidate }
            # A word with `@`, `#` or `,` has another meaning without quotes.
            $text = if ($candidate -match '^[\w.=/:+-]+$') { $candidate } else { "'$candidate'" }
            [System.Management.Automation.CompletionResult]::new($text, $candidate, 'ParameterValue', $about)
        }
    }
}
