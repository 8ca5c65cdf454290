# Completion of acspass for fish.

function __acspass_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (command acspass __complete (count $words) -- $words "$current" 2>/dev/null)
        switch $line
            case \tfiles
                __fish_complete_path "$current"
            case \tfolders
                __fish_complete_directories "$current" ''
            case \tcommands
                __fish_complete_command
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c acspass -f -k -a '(__acspass_complete)'
