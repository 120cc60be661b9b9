now() - :grace::interval
