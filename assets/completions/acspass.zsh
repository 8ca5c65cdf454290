#compdef acspass
# Completion of acspass for zsh.

_acspass() {
    local line word
    local -a values kinds

    while IFS= read -r line; do
        word=${line%%$'\t'*}
        if [[ -z $word ]]; then
            kinds+=("${line#*$'\t'}")
        elif [[ $word == $line ]]; then
            values+=("${word//:/\\:}")
        else
            values+=("${word//:/\\:}:${line#*$'\t'}")
        fi
    done < <(command acspass __complete $((CURRENT - 1)) -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)

    (( $#values )) && _describe -V acspass values
    for word in $kinds; do
        # The value of `--option=VALUE` begins after the sign.
        [[ $PREFIX == --*=* ]] && compset -P '*='
        case $word in
            files) _files ;;
            folders) _files -/ ;;
            commands) _command_names -e ;;
        esac
    done
}

if [ "$funcstack[1]" = "_acspass" ]; then
    _acspass "$@"
else
    compdef _acspass acspass
fi
